# Flags every target of the project uses: warnings, reproducible arithmetic (no contraction, no fast-math), sanitizers.
add_library(fw_flags INTERFACE)
target_compile_features(fw_flags INTERFACE cxx_std_20)
target_compile_options(fw_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-ffp-contract=off>" $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall;-Xcompiler=-Wextra;-Xcompiler=-ffp-contract=off;-lineinfo>")
if(FASTWEIGHT_SANITIZE)
  target_compile_options(fw_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${FASTWEIGHT_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all;-g>")
  target_link_options(fw_flags INTERFACE -fsanitize=${FASTWEIGHT_SANITIZE})
endif()

# For programs and tests, whose time is spent in the libraries: compiled for a short build. The arithmetic is the same: nothing contracts and
# nothing is reordered at any level. (Precompiled CLI11 and JSON headers made it longer: every file loads and emits all of them.)
function(fw_build_quickly target)
  target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-O1>)
endfunction()

# A room of the library: every .cpp in its folder and in vjp/, headers found from reference/. HEADERS: those that are installed
# when not all of them are for others.
function(fw_add_room name)
  cmake_parse_arguments(ROOM "" "" "PUBLIC;PRIVATE;HEADERS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/${name}/vjp/*.cpp)
  add_library(fw_${name} STATIC ${sources})
  add_library(fastweight::${name} ALIAS fw_${name})
  target_include_directories(fw_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/fastweight>)
  target_compile_features(fw_${name} PUBLIC cxx_std_20)
  target_link_libraries(fw_${name} PUBLIC ${ROOM_PUBLIC} PRIVATE $<BUILD_INTERFACE:fw_flags> ${ROOM_PRIVATE})
  set_target_properties(fw_${name} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME fastweight_${name})
  set_property(GLOBAL APPEND PROPERTY FASTWEIGHT_ROOMS ${name})
  set_property(GLOBAL PROPERTY FASTWEIGHT_HEADERS_${name} ${ROOM_HEADERS})
endfunction()
