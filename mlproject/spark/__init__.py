"""The same pipeline on Apache Spark, for data too large for one machine.

Spark moves rows and runs tasks again where a machine is lost. What is done with the rows is
done by the functions of one machine, which the tasks call on Arrow batches: no check and no
order of ratings is written twice.
"""
