"""What every layer saw: the networks as graphs, their activations written to files, and views of both."""
