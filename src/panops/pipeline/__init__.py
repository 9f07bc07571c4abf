"""Where the stages meet: builds and runs ingest to storage for the cameras this process owns, and supervises the processes."""
