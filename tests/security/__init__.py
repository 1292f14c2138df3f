"""One test for each abuse case, against the running bot."""
