"""History from files: the same judging and storing as for posts, without HTTP, resumable, and telling nobody of the past."""
