# SPDX-License-Identifier: Apache-2.0
"""serve_onnx.py MODEL.onnx PORT THREADS BATCH: onnxruntime behind FastAPI and uvicorn, as the peer of bench/serve.sh.
Requests that wait share a call of at most BATCH records."""
import asyncio
import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response
import orjson

model, port, threads, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
app = FastAPI()
queue = asyncio.Queue()


async def run():
    loop = asyncio.get_running_loop()
    while True:
        jobs = [await queue.get()]
        n = len(jobs[0][0])
        while not queue.empty() and n < batch:
            jobs.append(queue.get_nowait())
            n += len(jobs[-1][0])
        x = np.concatenate([j[0] for j in jobs])
        y = (await loop.run_in_executor(None, session.run, None, {name: x}))[0]
        at = 0
        for rows, done in jobs:
            done.set_result(y[at:at + len(rows)])
            at += len(rows)


@app.on_event("startup")
async def startup():
    app.state.task = asyncio.create_task(run())


@app.post("/predict")
async def predict(request: Request):
    x = np.asarray(orjson.loads(await request.body())["x"], dtype=np.float32)
    done = asyncio.get_running_loop().create_future()
    await queue.put((x, done))
    y = await done
    return Response(orjson.dumps({"out": y}, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
