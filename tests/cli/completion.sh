# SPDX-License-Identifier: Apache-2.0
# Completions: the shells that are here read the text, and offer commands, options, their values, and files.
: "${gradc:?run.sh sources this file}"
for shell in bash zsh fish; do
  expect 0 'gradcheck' help --completion=$shell; cp out completion.$shell
  if command -v $shell >/dev/null; then check "completion of $shell" $shell -n completion.$shell; fi
done
expect 2 'takes bash, zsh or fish' help --completion=tcsh
mkdir z models; cp completion.zsh z/_gradc
: >model.nn; : >models/other.nn
cat >complete.bash <<'B'
. ./completion.bash
COMP_LINE=$1 COMP_POINT=${#1}; read -ra COMP_WORDS <<<"${1//=/ = }"
case $1 in *' ') COMP_WORDS+=('') ;; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gradc
printf '%s\n' "${COMPREPLY[@]}" | sort
B
words() { # words SHELL LINE: what it offers for the last word, sorted
  case $1 in
  bash) bash complete.bash "$2" ;;
  zsh) timeout -s KILL 60 zsh -f "$here/complete.zsh" "$PWD/z" "$2" ;;
  fish) HOME=$PWD timeout -s KILL 60 fish --no-config -c "source completion.fish; complete -C '$2'" | cut -f1 |
    sed 's/^--[a-z-]*=\(.\)/\1/' | sort ;;
  esac 2>err | tr '\n' ' ' | sed 's/ *$//'
}
offers() { equal "$1: $2" "$(words "$1" "$2")" "$3"; } # offers SHELL LINE WANTED
for shell in bash zsh fish; do
  command -v $shell >/dev/null && { [ $shell = bash ] || full; } || continue
  offers $shell 'gradc chec' check
  offers $shell 'gradc re' 'reduce report'
  offers $shell 'gradc check --js' --json
  offers $shell 'gradc run --no-lay' --no-layout
  offers $shell 'gradc build --fp=' 'fast strict'
  offers $shell 'gradc build --fp=st' strict
  offers $shell 'gradc emit --project=c' cmake
  offers $shell 'gradc new te' text
  offers $shell 'gradc help swe' sweep
  case $shell in bash) files= ;; zsh) files='model.nn models' ;; fish) files='model.nn models/' ;; esac # by bash itself
  offers $shell 'gradc run mod' "$files"
  offers $shell 'gradc build model.nn -o mod' "$files"
  # every option of every command, and every pass
  for c in check build run sweep emit ir report import weights; do
    got=$(words $shell "gradc $c --" | tr ' ' '\n' | sed 's/=.*//' | sort -u)
    want=$("$gradc" $c --help | sed -n 's/^ *\(--[a-z][a-z-]*\).*/\1/p' | sort -u)
    lacks=$(printf '%s\n' "$got" >got; printf '%s\n' "$want" | grep -vxFf got)
    [ -z "$lacks" ] && [ -n "$want" ] && pass || fail "$shell: gradc $c --: lacks $(echo $lacks)"
  done
done
