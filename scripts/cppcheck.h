/* What cppcheck needs to know of jansson's loops; the build does not use it. */
#define json_array_foreach(array, index, value) for (index = 0; (value = json_array_get(array, index)); index++)
#define json_object_foreach(object, key, value)                                                              \
    for (key = json_first_key(object); (value = json_object_get(object, key)); key = json_next_key(object, key))
