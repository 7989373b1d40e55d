# SPDX-License-Identifier: Apache-2.0
# @NAME@ on @TITLE@ with toolchain.cmake, targets run, count and size; on this machine without it, target host.
cmake_minimum_required(VERSION 3.16)
project(@NAME@ C)
set(OPT "-O2" CACHE STRING "level of optimisation")

if(NOT CMAKE_CROSSCOMPILING)
  add_executable(@NAME@-host main.c @NAME@.c host.c)
  target_compile_options(@NAME@-host PRIVATE -O2 -std=c99)
  add_custom_target(host COMMAND @NAME@-host VERBATIM USES_TERMINAL)
  return()
endif()

separate_arguments(FLAGS UNIX_COMMAND "@CPU@ ${OPT} @FLAGS@")
separate_arguments(LINK UNIX_COMMAND "@CPU@ @LINK_FLAGS@")
separate_arguments(QEMU UNIX_COMMAND "@QEMU@ @MACHINE@ @TEXT@")
function(board_program name)
  add_executable(${name} main.c @NAME@.c startup.c)
  target_compile_options(${name} PRIVATE ${FLAGS})
  target_link_options(${name} PRIVATE ${LINK} -T ${CMAKE_SOURCE_DIR}/board.ld)
  target_link_libraries(${name} PRIVATE gcc)
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/board.ld)
endfunction()
board_program(@NAME@.elf)
board_program(@NAME@-count.elf)
set_target_properties(@NAME@-count.elf PROPERTIES EXCLUDE_FROM_ALL TRUE)
target_compile_definitions(@NAME@-count.elf PRIVATE COUNT STEPS=2)

find_program(EMULATOR @QEMU@)
if(NOT EMULATOR)
  message(WARNING "@QEMU@ is missing: on Debian, apt-get install @QEMU_PACKAGE@")
endif()
add_custom_target(run COMMAND ${QEMU} -kernel $<TARGET_FILE:@NAME@.elf> DEPENDS @NAME@.elf VERBATIM USES_TERMINAL)
# Instructions: ticks * @NS@ / @SCALE@.
add_custom_target(count COMMAND ${QEMU} -icount shift=@SHIFT@ -kernel $<TARGET_FILE:@NAME@-count.elf>
  DEPENDS @NAME@-count.elf VERBATIM USES_TERMINAL)
add_custom_target(size COMMAND @PREFIX@size -A $<TARGET_FILE:@NAME@.elf> DEPENDS @NAME@.elf VERBATIM)
