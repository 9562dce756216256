# Kelvin in a container.
#
# On the CPU:
#   docker build -t kelvin .
#   docker run --rm -p 8501:8501 -v kelvin-cache:/cache kelvin
#
# On an NVIDIA GPU (the host needs the NVIDIA container toolkit):
#   docker build -t kelvin:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
#   docker run --rm --gpus all -p 8501:8501 -v kelvin-cache:/cache kelvin:cuda
#
# Then open http://localhost:8501; `-e PORT=8080 -p 8080:8080` takes another port, `-e STREAMLIT_SERVER_BASE_URL_PATH=tools/kelvin` serves it below a path, and `docker compose up` has limits too (compose.yaml).
# The volume keeps visitors' races, downloaded datasets and uploaded files; folders of your own go in with `-v /my/data:/data:ro -e KELVIN_DATA=/data`.

FROM python:3.12-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    KELVIN_CACHE=/cache \
    KELVIN_UPLOADS=/cache/uploads \
    KELVIN_STORE=/cache/races \
    NUMBA_CACHE_DIR=/cache/compiled \
    PORT=8501

# The first process of a container must take in orphans and pass on signals: tini does nothing else.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 kelvin \
    && install --directory --owner=kelvin --group=kelvin /cache

WORKDIR /kelvin

# Torch first and alone: its index decides between CPU and CUDA, and the layer outlives every change of the code.
COPY requirements.txt ./
RUN pip install --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)" \
    && pip install --requirement requirements.txt

COPY LICENSE ./
COPY .streamlit .streamlit
COPY assets assets
COPY engine engine
COPY app app

USER kelvin

# Loops compiled for this kind of processor, where a new volume takes them from; on another kind the first race compiles them again, into the volume.
RUN python -m engine.combinatorial.kernels

VOLUME /cache
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-m", "app.hosting.health"]

ENTRYPOINT ["tini", "--"]
CMD ["sh", "-c", "exec streamlit run app/server.py --server.port=\"$PORT\" --server.address=0.0.0.0 --server.headless=true --browser.serverAddress=localhost"]
