#!/usr/bin/env bash
# Build, look at, publish, load, and make again from ids, against the hub of the tests: a server on 127.0.0.1. Nothing
# else is asked: other requests would go to a proxy that is not there. CI runs this. Needs an environment with dmlkit in
# PATH; writes to a temporary folder only.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
cd "$work"
python "$root/tests/support/hub_server.py" url &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
for _ in $(seq 100); do test -s url && break; sleep 0.1; done

HF_ENDPOINT=$(cat url)
unset HF_HUB_OFFLINE HF_DATASETS_OFFLINE
export HF_ENDPOINT HF_TOKEN=hf_me HF_HOME=$work/home HF_DATASETS_CACHE=$work/cache DMLKIT_HOME=$work/dmlkit
export HF_HUB_DISABLE_XET=1 HF_UPDATE_DOWNLOAD_COUNTS=0
export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 all_proxy=http://127.0.0.1:9 no_proxy=127.0.0.1
unset HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY

echo "== a dataset whose images may be published"
dmlkit build animal --limit 2 --out animal --quiet
dmlkit report animal --out report --quiet
test -s report/index.html
dmlkit push animal me/animal --dry-run --quiet
dmlkit push animal me/animal --quiet
dmlkit push animal me/animal --quiet | grep "nothing sent"
version=$(python -c "import json; print('v' + json.load(open('animal/build.json'))['manifest']['version'])")

echo "== loaded: whole, the hierarchy, as a stream, by its version"
python - "$version" <<'PYTHON'
import sys

from datasets import load_dataset

images = load_dataset("me/animal")
classes = load_dataset("me/animal", "hierarchy")["train"]
stream = load_dataset("me/animal", streaming=True, revision=sys.argv[1])
first = next(iter(stream["query"]))
print(images)
assert first["image_id"] == images["query"][0]["image_id"]
assert len(classes) == len(images["train"].features["fine"].names)
assert load_dataset("me/animal", revision=sys.argv[1])["train"].num_rows == images["train"].num_rows
PYTHON

echo "== a source that forbids to publish its images: here the drawings, in the layout of ImageNet-21K"
python - <<'PYTHON'
import io
import tarfile
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq

by_class = defaultdict(list)
for path in sorted(Path("animal/data").glob("*.parquet")):
    for row in pq.read_table(path, columns=["image", "upstream_label"]).to_pylist():
        by_class[row["upstream_label"]].append(row["image"]["bytes"])
Path("copy").mkdir()
for wnid, images in by_class.items():
    with tarfile.open(f"copy/{wnid}.tar", "w") as tar:
        for number, data in enumerate(images):
            member = tarfile.TarInfo(f"{wnid}_{number}.JPEG")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
PYTHON
dmlkit build animal --source imagenet-21k --from copy --out mine --quiet
dmlkit push mine me/animal-ids --quiet

echo "== made again from ids, labels and hashes, and a copy of the source"
dmlkit build --from-hub me/animal-ids --from copy --out theirs --revision "$version" --quiet
cmp mine/SHA256SUMS theirs/SHA256SUMS
(cd theirs && sha256sum --check --quiet SHA256SUMS)
dmlkit validate theirs --quiet

echo "== a copy that lacks an image: named, and exit code 3"
rm "copy/$(ls copy | head -n 1)"
code=0
dmlkit build --from-hub me/animal-ids --from copy --out part > part.txt 2> part.err || code=$?
grep missing part.err
test $code = 3
echo "round trip done"
