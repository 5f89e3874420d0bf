"""Daft's way of checking and keeping images: `python daft_keep.py LIST.csv OUT`. Run by `collect.py --daft`."""

import sys

import daft
from daft import col
from daft.functions import decode_image, download, image_height, image_width

links, out = sys.argv[1:]
table = daft.read_csv(links).with_column("jpg", download(col("url"), max_connections=32))
pixels = decode_image(col("jpg"))
table = table.with_columns({"width": image_width(pixels), "height": image_height(pixels)})
table.write_parquet(out)
