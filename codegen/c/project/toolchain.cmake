# SPDX-License-Identifier: Apache-2.0
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR @TARGET@)
find_program(BOARD_CC @PREFIX@gcc)
if(NOT BOARD_CC)
  message(FATAL_ERROR "@PREFIX@gcc is missing: on Debian, apt-get install @PACKAGE@")
endif()
set(CMAKE_C_COMPILER ${BOARD_CC})
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
