"""What users set: the site file and the environment, checked as a whole."""
