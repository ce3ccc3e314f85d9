# shellcheck shell=bash disable=SC2154,SC2034
# Sourced after common.sh: builds the library that throws in a program, $thrown; what to send, behind SIGRTMIN.
thrown=$scratch/thrown.so memory_thrown=7 other_thrown=8
c++ -std=c++20 -O2 -shared -fPIC -o "$thrown" "$source_dir/tests/faults/thrown.cpp"
