#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# habits.sh GRADC BUILD: programs as people write them who come from PyTorch, Keras, NumPy, Python, Rust or C
# (habits.txt): each is refused, and the whole message is the expected one. UPDATE=1 writes the expected lines anew.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/bad

# A case is `#### TITLE`, the program, and the message, each line after `#= `. `in def`, `in train` and `in loss` at
# the end of a title put the program into what is around such lines.
awk -v dir="$tmp" '
  function put(text) { printf "%s\n", text > file }
  function end() {
    if (!file) return
    if (where == "def") put("    relu(x)\n}\nexport def answer(x: f32[1, 16], y: i32[1]) { net(x, y) }")
    if (where == "train") put((optim ? "" : "    optim = sgd(lr = 0.1)\n") (steps ? "" : "    steps = 10\n") "}")
    if (where == "loss") put("    optim = sgd(lr = 0.1)\n    batch = 8; epochs = 1\n}")
    close(file)
  }
  BEGIN { mlp = "def mlp(x: f32[B, 16]) -> f32[B, 10] { x |> linear(10) }\nuse net = mlp()\n" }
  /^#### / {
    end(); file = sprintf("%s/%03d.nn", dir, ++n); optim = steps = 0
    where = ""; if (match($0, / in (def|train|loss)$/)) where = substr($0, RSTART + 4)
    if (where == "def") put("def net(x: f32[B, 16], y: int[B]) {")
    if (where == "train") put(mlp "train {\n    loss = mean(net(ones(4, 16)) ** 2)")
    if (where == "loss") put(mlp "data rows {\n    source = csv(\"rows.csv\")\n    x: f32[16] = field(0:16)\n" \
      "    y: i32 = field(16)\n}\ntrain {\n    data = rows")
    next
  }
  !file || /^#= / { next }
  { optim += /optim =/; steps += /steps/; put(where == "loss" ? "    loss = " $0 : $0) }
  END { end() }' "$here/habits.txt"
cd "$tmp" || exit 1
for f in [0-9]*.nn; do timeout 20 "$gradc" check "$f" 2>"${f%.nn}.err"; echo $? >"${f%.nn}.status"; done
awk '
  function finish(   line, at) {
    if (!n) return
    at = sprintf("%03d", n)
    while ((getline line < (at ".err")) > 0) if (line && line !~ /= note: in `net` called at/) {
      gsub(at "[.]nn", "case.nn", line); print "#= " line
    }
    close(at ".err")
  }
  /^#### / { finish(); n++ }
  /^#= / { next }
  { print }
  END { finish() }' "$here/habits.txt" >new
if [ -n "$UPDATE" ]; then cp new "$here/habits.txt"; fi
awk 'FNR == 1 { side++; title = "" } /^#### / { title = $0; if (side == 1) order[++n] = title }
  { text[side, title] = text[side, title] $0 "\n" }
  END { for (i = 1; i <= n; i++) {
    t = order[i]; getline status < (sprintf("%03d.status", i))
    why = text[1, t] != text[2, t] ? "the message is\n" text[2, t] : status != 1 ? "status " status : ""
    print (why ? "FAIL  " t ": " why : "ok") } }' "$here/habits.txt" new >results
fails=$(grep -c '^FAIL' results); grep -v '^ok$' results
echo "$(grep -c '^ok$' results) passed, $fails failed"
[ "$fails" = 0 ]
