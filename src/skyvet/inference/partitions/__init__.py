"""Much input, worked on partition by partition: here, in local processes or on a cluster."""
