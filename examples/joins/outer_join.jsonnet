// What came back, by zip code, with the shops where nothing did and what came back to no shop; then a file for each.
function(suffix) [
  {
    pipeline: {name: "outer_join_" + suffix},
    description: "What came back, by the shops' zip codes",
    input: {join: [
      {pfs: {repo: "stores", branch: "master", glob: "/STOREID(*).txt", join_on: "$1", outer_join: true}},
      {pfs: {repo: "returns", branch: "master", glob: "/*_STOREID(*).txt", join_on: "$1", outer_join: true}},
    ]},
    transform: {cmd: ["python3", "/by_zip_code.py", "returns"]},
  },
  {
    pipeline: {name: "reduce_outer_" + suffix},
    description: "A file for each zip code",
    input: {pfs: {repo: "outer_join_" + suffix, branch: "master", glob: "/*"}},
    transform: {
      cmd: ["bash"],
      stdin: ["for code in /pfs/outer_join_%s/*; do cat $code/* > /pfs/out/$(basename $code).txt; done" % suffix],
    },
  },
]
