"""One adapter a survey: from decoded packets to candidates, and encoders for two of them."""
