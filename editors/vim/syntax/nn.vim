" SPDX-License-Identifier: Apache-2.0
if exists('b:current_syntax')
  finish
endif

syntax keyword nnDeclaration def const param state use
syntax keyword nnControl if else for in assert
syntax keyword nnOperatorWord and or not
syntax keyword nnBoolean true false
syntax keyword nnConstant none inf nan pi training step steps epoch
syntax keyword nnType f16 f32 f64 bf16 i8 i16 i32 i64 u8 u16 u32 bool int float any str list fn shape
" Keywords at the start of an item only.
syntax match nnItem "^\s*\zs\%(data\|train\|target\)\ze\%(\s\+\h\w*\)\=\s*{"
syntax match nnItem "^\s*\zs\%(test\|import\)\ze\s*\""
syntax match nnItem "^\s*\zsdim\ze\s\+\h\w*\s*<\=="
syntax match nnItem "^\s*\zsexport\ze\s\+def\>"
syntax match nnFunction "\%(\<def\s\+\)\@<=\h\w*"
syntax match nnHint "@\h\w*"
syntax match nnNumber "\<\d[0-9_]*\%(\.\d[0-9_]*\)\=\%([eE][-+]\=\d\+\|[KMG]\)\=\>"
syntax match nnOperator "|>\|:=\|->\|\*\*\|//\|[=!<>]="
syntax match nnEscape "\\[\"\\ntr]" contained
syntax region nnString start=+"+ skip=+\\.+ end=+"+ end=+$+ contains=nnEscape
syntax match nnComment "#.*$" contains=nnTodo,@Spell
syntax keyword nnTodo TODO FIXME XXX contained

highlight default link nnDeclaration Keyword
highlight default link nnItem Keyword
highlight default link nnControl Conditional
highlight default link nnOperatorWord Operator
highlight default link nnOperator Operator
highlight default link nnBoolean Boolean
highlight default link nnConstant Constant
highlight default link nnType Type
highlight default link nnFunction Function
highlight default link nnHint PreProc
highlight default link nnNumber Number
highlight default link nnEscape SpecialChar
highlight default link nnString String
highlight default link nnComment Comment
highlight default link nnTodo Todo

let b:current_syntax = 'nn'
