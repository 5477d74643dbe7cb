"""What else a model knows than files: where bits go, denoising, samples of its prior. One file an application."""
