// Pictures of two repos on one sheet; each is told as REPO or REPO@BRANCH.
local place(text) = {
  local parts = std.splitLimit(text, "@", 1),
  repo: parts[0],
  branch: if std.length(parts) > 1 then parts[1] else "master",
  glob: "/",
};

function(suffix, left, right)
  assert std.length(suffix) > 0 : "give a suffix";
  {
    pipeline: {name: "montage-" + suffix},
    description: "Pictures of %s and %s on one sheet" % [left, right],
    input: {cross: [{pfs: place(left) {name: "left"}}, {pfs: place(right) {name: "right"}}]},
    transform: {cmd: ["sh"], stdin: ["python3 /montage.py /pfs/left /pfs/right /pfs/out/montage.png"]},
  }
