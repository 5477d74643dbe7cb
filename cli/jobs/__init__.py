"""Many files on one machine: sources to jobs, jobs to outputs."""
