# nf_use_torch_header(target): precompiled kernels/torch.h for those sources of the target that include as much of LibTorch,
# themselves or through headers of ours. Loading it takes 2 s a file, parsing it 8; a source that needs less is better off
# without.

# Whether `file` includes it, "yes" or "no".
function(nf_includes_torch file result)
  get_property(known GLOBAL PROPERTY "nf_includes_torch:${file}")
  if("${known}" STREQUAL "") # looked at for the first time
    set(known no)
    set_property(GLOBAL PROPERTY "nf_includes_torch:${file}" no) # headers may go around in a circle
    file(STRINGS ${file} includes REGEX "^#include [<\"]")
    foreach(include ${includes})
      if(include MATCHES "<(ATen/ATen|torch/[a-z/]+)\\.h>")
        set(known yes)
      elseif(include MATCHES "\"(.+)\"")
        set(header ${PROJECT_SOURCE_DIR}/${CMAKE_MATCH_1})
        if(EXISTS ${header})
          nf_includes_torch(${header} inner)
          if(inner STREQUAL yes)
            set(known yes)
          endif()
        endif()
      endif()
    endforeach()
    set_property(GLOBAL PROPERTY "nf_includes_torch:${file}" ${known})
  endif()
  set(${result} ${known} PARENT_SCOPE)
endfunction()

function(nf_use_torch_header target)
  target_precompile_headers(${target} REUSE_FROM nf_torch_header)
  # GCC 12 forgets that strings come from a system header (its bug 105329) and warns of them.
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-array-bounds>)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    cmake_path(ABSOLUTE_PATH source)
    if(NOT source MATCHES "\\.cpp$")
      continue()
    endif()
    nf_includes_torch(${source} includes)
    if(includes STREQUAL no)
      set_property(SOURCE ${source} TARGET_DIRECTORY ${target} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()
