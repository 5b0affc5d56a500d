"""One file a family of key agreements; the table of them is `exchange`."""
