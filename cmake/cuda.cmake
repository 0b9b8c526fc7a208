# Looks for the CUDA toolkit without enabling the language: one status line, and a broken nvcc stops nobody.
#   FASTWEIGHT_CUDA = AUTO  say what was found        OFF  do not look        ON  an error when there is no working nvcc
# Sets FASTWEIGHT_CUDA_VERSION ("13.0"), empty when there is none. The GPU path itself comes in a later version.
set(FASTWEIGHT_CUDA AUTO CACHE STRING "Use the CUDA toolkit: AUTO, ON or OFF")
set_property(CACHE FASTWEIGHT_CUDA PROPERTY STRINGS AUTO ON OFF)

function(fw_detect_cuda)
  string(TOUPPER "${FASTWEIGHT_CUDA}" wanted)
  set(FASTWEIGHT_CUDA_VERSION "" PARENT_SCOPE)
  if(wanted MATCHES "^(OFF|NO|FALSE|0)$")
    message(STATUS "CUDA: switched off - CPU only")
    return()
  elseif(NOT wanted MATCHES "^(AUTO|ON|YES|TRUE|1)$")
    message(FATAL_ERROR "FASTWEIGHT_CUDA: expected AUTO, ON or OFF, got \"${FASTWEIGHT_CUDA}\"")
  endif()

  find_program(FASTWEIGHT_NVCC nvcc
    HINTS "${CUDAToolkit_ROOT}" ENV CUDAToolkit_ROOT ENV CUDA_PATH ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
  mark_as_advanced(FASTWEIGHT_NVCC)
  set(why "no nvcc in PATH, CUDAToolkit_ROOT or CUDA_PATH")
  if(FASTWEIGHT_NVCC)
    execute_process(COMMAND "${FASTWEIGHT_NVCC}" --version TIMEOUT 20
      RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE ignored)
    if(status STREQUAL "0" AND text MATCHES "release ([0-9]+\\.[0-9]+)")
      set(FASTWEIGHT_CUDA_VERSION "${CMAKE_MATCH_1}" PARENT_SCOPE)
      message(STATUS "CUDA: found ${CMAKE_MATCH_1} (nvcc) - no GPU path in this version yet")
      return()
    endif()
    set(why "${FASTWEIGHT_NVCC} --version does not work: ${status}")
  endif()
  if(NOT wanted STREQUAL "AUTO")
    message(FATAL_ERROR "FASTWEIGHT_CUDA=ON, but there is no working CUDA compiler (${why}). "
      "Set CUDAToolkit_ROOT, or use FASTWEIGHT_CUDA=AUTO or OFF.")
  elseif(FASTWEIGHT_NVCC)
    message(STATUS "CUDA: not found (${why}) - CPU only")
  else()
    message(STATUS "CUDA: not found - CPU only")
  endif()
endfunction()

fw_detect_cuda()
