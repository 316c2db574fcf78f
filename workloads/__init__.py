"""The benchmark's tasks: what is trained, on which data, up to which target. Knows neither Django nor Docker."""
