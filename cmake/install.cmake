# cmake --install: bin/fastweight, include/fastweight/<room>/*.h, lib/libfastweight_<room>.a and the CMake package, so that
#   find_package(fastweight) gives fastweight::core, fastweight::naive and every other room that exists.
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY FASTWEIGHT_ROOMS)
set(targets ${rooms})
list(TRANSFORM targets PREPEND fw_)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fastweight)

install(TARGETS fastweight RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${targets} EXPORT fastweightTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(room IN LISTS rooms)
  get_property(headers GLOBAL PROPERTY FASTWEIGHT_HEADERS_${room})
  if(headers)
    list(TRANSFORM headers PREPEND ${PROJECT_SOURCE_DIR}/reference/${room}/)
    install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fastweight/${room})
  else()
    install(DIRECTORY ${PROJECT_SOURCE_DIR}/reference/${room} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fastweight FILES_MATCHING PATTERN "*.h")
  endif()
endforeach()

install(EXPORT fastweightTargets NAMESPACE fastweight:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/fastweightConfig.cmake.in ${PROJECT_BINARY_DIR}/fastweightConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fastweightConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fastweightConfig.cmake ${PROJECT_BINARY_DIR}/fastweightConfigVersion.cmake DESTINATION ${package_dir})

install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
