"""Commands of the pages' floor."""
