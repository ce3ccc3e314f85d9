# Uses ccache where it is installed. Paths count from the project's root, so that a second clone finds what the first has
# compiled; the sloppiness is what precompiled headers need.
find_program(NF_CCACHE ccache)
if(NF_CCACHE)
  foreach(language C CXX CUDA)
    set(CMAKE_${language}_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${NF_CCACHE})
  endforeach()
endif()
