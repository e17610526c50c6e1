# SPDX-License-Identifier: BSD-3-Clause
# Plots time_first.txt and time_last.txt, as flow_age_stats -t wrote them, to time_first.png and time_last.png.
set terminal png size 1000,600
set datafile separator "\t"
set boxwidth 0.9
set style fill solid
set grid ytics
set yrange [0:*]
set xtics rotate by -60 font ",8"
set xlabel "age of flow records [s], up to"
set ylabel "share of flow records [%]"
unset key

set output "time_first.png"
set title "Age by TIME_FIRST"
plot "time_first.txt" using 2:xtic(1) with boxes

set output "time_last.png"
set title "Age by TIME_LAST"
plot "time_last.txt" using 2:xtic(1) with boxes
