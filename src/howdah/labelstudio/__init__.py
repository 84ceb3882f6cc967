"""Label Studio, unmodified, with a storage type that keeps data and labels in versions."""
