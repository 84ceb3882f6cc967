// Results of a laboratory by hospital, or by patient: `by` is CLIA or PAT.
function(by) [
  {
    pipeline: {name: "group_" + by},
    description: "Results of tests in a folder for each of %s" % by,
    input: {group: [{pfs: {
      repo: "labresults",
      branch: "master",
      glob: if by == "CLIA" then "/*-CLIA(*).txt" else "/*-PAT(*)-*.txt",
      group_by: "$1",
    }}]},
    transform: {
      cmd: ["bash"],
      stdin: [
        "mkdir -p /pfs/out/$PACH_DATUM_labresults_GROUP_BY",
        "cp /pfs/labresults/* /pfs/out/$PACH_DATUM_labresults_GROUP_BY/",
      ],
    },
  },
  {
    pipeline: {name: "reduce_" + by},
    description: "A file for each of %s" % by,
    input: {pfs: {repo: "group_" + by, branch: "master", glob: "/*"}},
    transform: {cmd: ["bash"], stdin: ["cd /pfs/group_%s; for one in *; do cat $one/* > /pfs/out/$one.txt; done" % by]},
  },
]
