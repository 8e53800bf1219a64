# One folder of the architecture = one target. A target sees the headers of a folder only by linking it: each folder is
# exposed through a directory of its own that holds nothing but a link to it.

# keyfold_library(NAME LINKS target...): the sources below NAME/, as keyfold::NAME.
function(keyfold_library name)
  cmake_parse_arguments(ARG "" "" "LINKS;SOURCES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${name}/*.cpp")
  set(view "${PROJECT_BINARY_DIR}/include/${name}")
  file(MAKE_DIRECTORY "${view}")
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${name}" "${view}/${name}" SYMBOLIC)
  if(sources)
    add_library(keyfold_${name} STATIC ${sources})
    target_include_directories(keyfold_${name} PUBLIC "${view}")
    target_link_libraries(keyfold_${name} PUBLIC ${ARG_LINKS} PRIVATE keyfold_warnings)
  else()
    add_library(keyfold_${name} INTERFACE)
    target_include_directories(keyfold_${name} INTERFACE "${view}")
    target_link_libraries(keyfold_${name} INTERFACE ${ARG_LINKS})
  endif()
  add_library(keyfold::${name} ALIAS keyfold_${name})
endfunction()

# keyfold_test(NAME LINKS target...): the Catch2 program keyfold_NAME_test of the sources below tests/NAME/.
function(keyfold_test name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${name}/*.cpp")
  if(NOT sources OR NOT KEYFOLD_TESTS)
    return()
  endif()
  add_executable(keyfold_${name}_test ${sources})
  target_link_libraries(keyfold_${name}_test PRIVATE ${ARG_LINKS} keyfold_test_main keyfold_warnings)
  target_compile_definitions(keyfold_${name}_test PRIVATE
    KEYFOLD_SOURCE_DIR="${PROJECT_SOURCE_DIR}" KEYFOLD_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND keyfold_${name}_test)
endfunction()

# keyfold_fuzz(NAME LINKS target...): the libFuzzer program fuzz_NAME of fuzz/NAME.cpp (clang, preset asan).
function(keyfold_fuzz name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  if(NOT KEYFOLD_FUZZ)
    return()
  endif()
  add_executable(fuzz_${name} "${PROJECT_SOURCE_DIR}/fuzz/${name}.cpp")
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_LINKS} keyfold_warnings)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()
