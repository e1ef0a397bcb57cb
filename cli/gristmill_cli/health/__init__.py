"""What ``gristmill doctor`` looks at: each check asks the API server a little and says what it found."""
