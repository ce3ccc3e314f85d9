# nf_add_mpi_test(<name> <ranks> <program> [EXIT_CODE <code>] [<argument>...])
#
# A test that runs a program on that many ranks of this machine, however few cores it has. It passes when
# mpirun ends with the exit code (0 unless given), within NF_MPI_TEST_TIMEOUT_S seconds.
find_program(NF_MPIRUN mpirun REQUIRED)
set(NF_MPI_TEST_TIMEOUT_S 60 CACHE STRING "Seconds after which a test on many ranks has failed")

# What an ordinary small machine or container needs: root may run it, ranks may share cores and then yield
# them, and only shared memory is used.
set(NF_MPI_TEST_ENVIRONMENT
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
  OMPI_MCA_btl=vader,self OMPI_MCA_btl_vader_single_copy_mechanism=none
  OMP_NUM_THREADS=1)
if(NF_SANITIZE MATCHES address)
  list(APPEND NF_MPI_TEST_ENVIRONMENT ASAN_OPTIONS=detect_leaks=0)  # MPI libraries keep some memory
endif()

function(nf_add_mpi_test name ranks program)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "EXIT_CODE" "")
  set(command ${NF_MPIRUN} --oversubscribe --bind-to none -np ${ranks} $<TARGET_FILE:${program}> ${arg_UNPARSED_ARGUMENTS})
  if(DEFINED arg_EXIT_CODE)
    set(command ${PROJECT_SOURCE_DIR}/tests/expect_exit_code ${arg_EXIT_CODE} ${command})
  endif()
  add_test(NAME ${name} COMMAND ${command})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "${NF_MPI_TEST_ENVIRONMENT}"
    PROCESSORS ${ranks} TIMEOUT ${NF_MPI_TEST_TIMEOUT_S} LABELS mpi)
endfunction()
