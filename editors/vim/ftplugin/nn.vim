" SPDX-License-Identifier: Apache-2.0
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1
setlocal commentstring=#\ %s comments=:# expandtab shiftwidth=4 softtabstop=4 textwidth=120
setlocal formatprg=gradc\ fmt\ -
setlocal makeprg=gradc\ check\ %:S
setlocal errorformat=%E%trror[E%n]:\ %m,%W%tarning[E%n]:\ %m,%C%*\\s-->\ %f:%l:%c,%-C%.%#,%-G%.%#
let b:undo_ftplugin = 'setlocal commentstring< comments< expandtab< shiftwidth< softtabstop< textwidth< formatprg<'
  \ . ' makeprg< errorformat<'
