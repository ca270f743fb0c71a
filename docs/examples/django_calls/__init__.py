"""Store the calls that Exotel reports."""
