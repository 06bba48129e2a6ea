"""The parts of bench/run: which systems run programs, what is measured with them, and the table of it."""
