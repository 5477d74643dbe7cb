"""Exact ONNX graphs: read, proven, run. Knows no picture and no model."""
