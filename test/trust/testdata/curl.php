<?php
$c = curl_init($argv[1]);
curl_setopt($c, CURLOPT_RETURNTRANSFER, true);
$body = curl_exec($c);
if ($body === false) {
    fwrite(STDERR, curl_error($c) . "\n");
    exit(1);
}
echo $body;
