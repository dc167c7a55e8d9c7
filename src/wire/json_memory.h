/* Memory of trees: each thread keeps some of the small pieces that it gave back, for its next trees. */
#pragma once

/* Has the library take its memory here. Once, before the first tree is made. */
void json_memory_init(void);
