"""What data teams bring: boundary files, addresses, levels -> plain arrays."""
