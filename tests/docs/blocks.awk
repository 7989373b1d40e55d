# SPDX-License-Identifier: Apache-2.0
# blocks.awk -v folder=F: the marked code blocks of a page. The comment before a block says where the block goes:
#   <!-- EXAMPLE: FILE, PLACE -->  PLACE: `new`, the whole file; `end`; `after TEXT`, `before TEXT`: the one line with
# TEXT
#   <!-- quoted: FILE -->          the lines stand in FILE already
# Writes block N to F/N, without the indentation of its fence, and prints `N EXAMPLE FILE PLACE TEXT`. EXAMPLE is
# `unmarked` for a block without a comment, `unused` for a comment without a block.
/^ *<!-- [a-z]+: / {
  sub(/^ *<!-- /, ""); sub(/ -->$/, "")
  example = $1; sub(/:$/, "", example)
  file = $2; sub(/,$/, "", file)
  place = $3 == "" ? "-" : $3
  sub(/^[^ ]+ [^ ]+ ?[^ ]* ?/, "") # what is left is TEXT
  text = $0; marked = 1
  next
}
/^ *```/ && inside { inside = 0; close(folder "/" n); next }
/^ *```/ && marked {
  inside = 1; marked = 0; indent = index($0, "`") - 1; n++
  printf "" >(folder "/" n)
  print n, example, file, place, text
  next
}
/^ *```/ && !inside { inside = 1; n++; indent = 0; print n, "unmarked", "-", "-"; next }
inside { print substr($0, indent + 1) >(folder "/" n) }
marked { print n + 1, "unused", file, "-" } # no block follows the comment
