# The published JSON Schema becomes a part of the library, so that the program needs no file beside it.
set(schema "${PROJECT_SOURCE_DIR}/config/definition.schema.json")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${schema}")
file(READ "${schema}" KEYFOLD_DEFINITION_SCHEMA)
configure_file("${PROJECT_SOURCE_DIR}/config/definition_schema.cpp.in" "${PROJECT_BINARY_DIR}/config/definition_schema.cpp" @ONLY)
target_sources(keyfold_config PRIVATE "${PROJECT_BINARY_DIR}/config/definition_schema.cpp")
