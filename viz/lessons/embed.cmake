# Writes the texts of the lesson files LESSONS into the C++ source OUT.
list(SORT LESSONS)
set(rows "")
foreach(file IN LISTS LESSONS)
  file(READ ${file} text)
  get_filename_component(name ${file} NAME)
  string(APPEND rows "      {\"${name}\", R\"fw_lesson(${text})fw_lesson\"},\n")
endforeach()
file(WRITE ${OUT} "// Generated from viz/lessons by embed.cmake.
#include \"viz/model/lesson.h\"

namespace fw::viz {

const std::vector<std::pair<std::string, std::string>>& lesson_files() {
  static const std::vector<std::pair<std::string, std::string>> files = {
${rows}  };
  return files;
}

}  // namespace fw::viz
")
