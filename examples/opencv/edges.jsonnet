// Edges of the pictures of any repo: one pipeline for each `suffix`.
function(suffix, src) {
  pipeline: {name: "edges-" + suffix},
  description: "Edges of each picture of " + src,
  input: {pfs: {name: "images", glob: "/*", repo: src}},
  transform: {cmd: ["python3", "/edges.py"]},
}
