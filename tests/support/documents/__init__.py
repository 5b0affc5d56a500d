"""Writers of the tables in docs/ that come from tables of the code; a test holds that they are current."""
