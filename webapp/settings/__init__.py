"""Settings: base, then dev (the embedded edition), test and production with only their differences."""
