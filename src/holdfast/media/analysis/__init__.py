"""What pictures and sound are like: measured from samples as they lie in files, decoding as little as will do."""
