# nf_use_torch_header(target): the precompiled <torch/torch.h> for those sources of the target that include it.
# Loading it takes 4 s a file, parsing it 15; a file that does without is better off without.
function(nf_use_torch_header target)
  target_precompile_headers(${target} REUSE_FROM nf_torch_header)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    cmake_path(ABSOLUTE_PATH source)
    file(STRINGS ${source} includes REGEX "#include <torch/torch.h>|#include \"(tests/trainer/thread_world|tests/model/tiny)\\.h\"")
    if(NOT includes)
      set_property(SOURCE ${source} TARGET_DIRECTORY ${target} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()
