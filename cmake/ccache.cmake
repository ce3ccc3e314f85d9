# Uses ccache where it is installed; the sloppiness is what precompiled headers need.
find_program(NF_CCACHE ccache)
if(NF_CCACHE)
  foreach(language C CXX CUDA)
    set(CMAKE_${language}_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${NF_CCACHE})
  endforeach()
endif()
