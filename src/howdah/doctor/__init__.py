"""What is missing on this machine or wrong with a data folder, in plain words, each with its remedy."""
