"""Other layouts of a dataset, both ways: dyml, webdataset, imagefolder, open-metric-learning."""
