# SPDX-License-Identifier: Apache-2.0
# complete.zsh FOLDER LINE: what zsh offers for the last word of LINE, by FOLDER/_gradc; a word a line, sorted. An
# interactive zsh on a terminal of its own gets the line and a tab, and says what its completion adds.
zmodload zsh/zpty || exit 2
zpty shell 'TERM=dumb PS1= PS2= zsh -f -i'
say() { zpty -w shell "$1"; }
say "stty -echo; fpath=(${(q)1} \$fpath)"
say 'autoload -Uz compinit && compinit -u -D'
say 'compadd() { local -a offered; [[ "$*" == -*[AOD]\ * ]] || { builtin compadd -A offered "$@"; print -rl -- offer:$^offered }; builtin compadd "$@" }'
say 'ended() { print end:of:offers }; zle -N ended; bindkey "^X" ended; bindkey "^I" complete-word'
say 'print be"gi"n:here'
zpty -r shell got '*begin:here*' || exit 2
zpty -w -n shell "$2"$'\t\C-x'
zpty -r shell got '*end:of:offers*' || exit 2
print -r -- "$got" | tr -d '\r' | sed -n 's/^.*offer://p' | sort -u
