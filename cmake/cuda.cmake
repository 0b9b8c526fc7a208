# Looks for the CUDA toolkit: one status line, and a broken nvcc stops nobody.
#   FASTWEIGHT_CUDA = AUTO  use what is found        OFF  do not look        ON  an error when there is no working nvcc
# Sets FASTWEIGHT_CUDA_VERSION ("13.0"), empty when there is none; when it is not empty the language is enabled and the GPU
# path is built for FASTWEIGHT_CUDA_ARCHITECTURES. Run as a script (cmake -P) it only looks.
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
      message(STATUS "CUDA: found ${CMAKE_MATCH_1} (nvcc)")
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
if(FASTWEIGHT_CUDA_VERSION AND NOT CMAKE_SCRIPT_MODE_FILE)
  set(FASTWEIGHT_CUDA_ARCHITECTURES "80-real;90a-real" CACHE STRING "GPU architectures, as CMAKE_CUDA_ARCHITECTURES takes them")
  set(CMAKE_CUDA_ARCHITECTURES ${FASTWEIGHT_CUDA_ARCHITECTURES})
  if(NOT CMAKE_CUDA_COMPILER)
    set(ENV{CUDACXX} "${FASTWEIGHT_NVCC}")
    include(CheckLanguage)
    check_language(CUDA)  # nvcc answers, but may have no host compiler that it accepts
  endif()
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has C++20
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    set(CMAKE_CUDA_EXTENSIONS OFF)
    find_package(CUDAToolkit REQUIRED)
  elseif(FASTWEIGHT_CUDA STREQUAL "AUTO")
    message(STATUS "CUDA: ${FASTWEIGHT_NVCC} cannot build a program here - CPU only")
    set(FASTWEIGHT_CUDA_VERSION "")
  else()
    message(FATAL_ERROR "FASTWEIGHT_CUDA=ON, but ${FASTWEIGHT_NVCC} cannot build a program here: see CMakeFiles/CMakeError.log. "
      "CMAKE_CUDA_HOST_COMPILER chooses another host compiler.")
  endif()
endif()
